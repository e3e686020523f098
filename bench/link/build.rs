//! Compiles `proto/hooks.proto`, without a protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto/hooks.proto");
    let files = protox::compile(["hooks.proto"], ["proto"])?;
    // The same Rust types are written as msgpack for the frames. As the bridge does, zero values are left out there; protobuf leaves them out anyway.
    tonic_prost_build::configure()
        .build_server(false)
        .type_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)] #[serde(default)]")
        .field_attribute(".", "#[serde(skip_serializing_if = \"crate::post::is_zero\")]")
        .field_attribute("Post.props", "#[serde(with = \"crate::props\")]")
        .compile_fds(files)?;
    Ok(())
}
