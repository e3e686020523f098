// The bundler makes files of bytes importable.
declare module "*.binpb" {
    const data: Uint8Array;
    export default data;
}
