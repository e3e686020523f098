//! The Go package of the test peers: Mattermost's types under their own names, and what serves them by RPC.

mod methods;
mod types;

use crate::backends::{Backend, Output};
use crate::error::Result;
use crate::project::Project;
use crate::schema::{Basic, Type};
use crate::text::Text;

const DIR: &str = "go/generated/mattermost";

/// See the module.
pub(super) struct GoPeer;

impl Backend for GoPeer {
    fn name(&self) -> &'static str {
        "go_peer"
    }

    fn outputs(&self, project: &Project) -> Result<Vec<Output>> {
        let mut outputs = vec![module(), doc(project), output("method.go", METHOD), types::wire(project)];
        outputs.extend(types::outputs(project));
        outputs.push(types::register(project));
        outputs.extend(methods::outputs(project));
        Ok(outputs)
    }
}

/// A file of the package.
fn output(name: &str, contents: impl AsRef<str>) -> Output {
    let mut text = Text::generated("//");
    text.blank();
    text.line(contents.as_ref());
    Output::new(format!("{DIR}/{name}"), text.finish())
}

fn module() -> Output {
    output("go.mod", "module mattermost-plugin/mattermost\n\ngo 1.25")
}

fn doc(project: &Project) -> Output {
    output(
        "doc.go",
        format!(
            "{DOC}\n\n// SchemaHash is what both sides of the worker link compare.\nconst SchemaHash = {:?}\n\n\
             // MattermostVersion is the version that the package describes.\nconst MattermostVersion = {:?}",
            project.hash, project.schema.mattermost
        ),
    )
}

const DOC: &str = "\
// Package mattermost holds the types and methods of Mattermost's plugin interface for the test peers: models under Mattermost's names
// (types_*.go), the argument and reply structs of the RPC services without their Z_ (wire.go), a table of each service's methods with
// the server that net/rpc needs (api.go, hooks.go, driver.go), and the registered names of interface values (register.go).
//
// Fields have the tag json as in Mattermost, and the tag key with their name in frames. A client needs no more than
// client.Call(\"Plugin.\"+spec.RPC, args, returns).
package mattermost";

const METHOD: &str = "\
package mattermost

// MethodSpec is what the schema says of a method.
type MethodSpec struct {
	Name       string     // Go's name
	RPC        string     // the name of the RPC method; nearly always the same
	ID         uint16     // the id in frames
	Since      string     // the minimum server version, or \"\"
	NewArgs    func() any // a pointer to a zero argument
	NewReturns func() any // a pointer to a zero reply
	Params     []Slot     // the positional arguments of the frame
	Results    []Slot     // the positional results of the frame, without the error
	Error      string     // the field of the reply that is the error, or \"\"
	Echo       *Echo      // the result that is an argument, possibly changed
	Streams    bool       // whether a parameter or result is a stream
}

// Slot says where an argument or result of a frame is found.
type Slot struct {
	Name  string // the parameter's name, or \"\"
	Field string // the field of the RPC struct, or \"\" if the RPC type is bare
	NilOK bool   // whether a nil pointer may be sent
}

// Echo says which result is which argument.
type Echo struct {
	Result, Argument int
	Mode             EchoMode
}

// EchoMode says how the host treats the reply.
type EchoMode string

// The modes: the host decodes the reply into the argument, or into an empty reply and takes nil as \"unchanged\" or as a rejection.
const (
	Prefilled  EchoMode = \"prefilled\"
	NilKeeps   EchoMode = \"nil_keeps\"
	NilRejects EchoMode = \"nil_rejects\"
)

// Handler answers an RPC; args and returns are pointers to what the method's spec makes.
type Handler interface {
	Serve(method *MethodSpec, args, returns any) error
}

func byName(methods []MethodSpec) map[string]*MethodSpec {
	names := make(map[string]*MethodSpec, len(methods))
	for i := range methods {
		names[methods[i].Name] = &methods[i]
	}
	return names
}";

/// The Go expression of a type.
fn go_type(ty: &Type) -> String {
    match ty {
        Type::Basic(basic) => basic_type(*basic).to_owned(),
        Type::Named(name) => name.clone(),
        Type::Ptr(inner) => format!("*{}", go_type(inner)),
        Type::List(inner) => format!("[]{}", go_type(inner)),
        Type::Map(key, value) => format!("map[{}]{}", go_type(key), go_type(value)),
    }
}

fn basic_type(basic: Basic) -> &'static str {
    match basic {
        Basic::Bytes => "[]byte",
        Basic::Time => "time.Time",
        Basic::Url => "url.URL",
        Basic::Json => "json.RawMessage",
        same => same.name(),
    }
}

/// The import lines that a piece of code needs.
fn imports(code: &str) -> String {
    let known = [("json.", "encoding/json"), ("gob.", "encoding/gob"), ("url.", "net/url"), ("time.", "time")];
    let used: Vec<String> =
        known.iter().filter(|(prefix, _)| code.contains(prefix)).map(|(_, path)| format!("\t{path:?}\n")).collect();
    if used.is_empty() { String::new() } else { format!("import (\n{})\n\n", used.concat()) }
}
