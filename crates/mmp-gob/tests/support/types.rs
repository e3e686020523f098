//! The Rust counterparts of the types in `tests/go/types.go`.

use mmp_gob::{Any, Bytes, Complex, GoString, GobEncoded, Map, Ptr, Time, Url, gob_struct};

gob_struct! {
    /// A field of every kind. Go's `[4]uint8` is an array of numbers on the wire, whatever their width.
    pub(crate) struct Kinds("Kinds") {
        bool: bool = "Bool",
        int: i64 = "Int",
        int8: i8 = "Int8",
        int16: i16 = "Int16",
        int32: i32 = "Int32",
        int64: i64 = "Int64",
        uint16: u16 = "Uint16",
        uint32: u32 = "Uint32",
        uint64: u64 = "Uint64",
        float32: f32 = "Float32",
        float64: f64 = "Float64",
        complex: Complex = "Complex",
        string: GoString = "String",
        bytes: Bytes = "Bytes",
        array: [i64; 3] = "Array",
        empty: [i64; 0] = "Empty",
        octets: [u16; 4] = "Octets",
        texts: Vec<GoString> = "Texts",
    }

    /// Refers to itself in every way.
    pub(crate) struct Node("Node") {
        value: i64 = "Value",
        left: Ptr<Node> = "Left",
        kids: Vec<Node> = "Kids",
        others: Vec<Ptr<Node>> = "Others",
        by_name: Map<GoString, Ptr<Node>> = "ByName",
    }

    /// A struct that may be all zero, and the key of a map.
    #[derive(Eq, PartialOrd, Ord)]
    pub(crate) struct Point("Point") {
        x: i64 = "X",
        y: i64 = "Y",
    }

    pub(crate) struct Pointers("Pointers") {
        no: Ptr<bool> = "False",
        yes: Ptr<bool> = "True",
        zero: Ptr<i64> = "Zero",
        one: Ptr<i64> = "One",
        blank: Ptr<Ptr<GoString>> = "Blank",
        text: Ptr<Ptr<GoString>> = "Text",
        point: Ptr<Point> = "Point",
        time: Ptr<Time> = "Time",
        no_time: Ptr<Time> = "NoTime",
        empty_map: Ptr<Map<GoString, i64>> = "EmptyMap",
        nil_map: Ptr<Map<GoString, i64>> = "NilMap",
        list: Ptr<Vec<i64>> = "List",
    }

    pub(crate) struct Maps("Maps") {
        nil: Map<GoString, GoString> = "Nil",
        empty: Map<GoString, GoString> = "Empty",
        numbers: Map<i64, GoString> = "Numbers",
        lists: Map<GoString, Vec<GoString>> = "Lists",
        nested: Map<GoString, Map<GoString, i64>> = "Nested",
        structs: Map<GoString, Point> = "Structs",
        any_keys: Map<Point, bool> = "AnyKeys",
    }

    pub(crate) struct GoBox("Box") {
        before: i64 = "Before",
        first: Any = "First",
        middle: GoString = "Middle",
        second: Any = "Second",
        after: Vec<i64> = "After",
    }

    pub(crate) struct Inner("Inner") {
        name: GoString = "Name",
        any: Any = "Any",
        tail: i64 = "Tail",
    }

    pub(crate) struct Leaf("Leaf") {
        n: f64 = "N",
    }

    pub(crate) struct Times("Times") {
        zero: Time = "Zero",
        utc: Time = "UTC",
        east: Time = "East",
        west: Time = "West",
        lmt: Time = "LMT",
        list: Vec<Time> = "List",
        place: Url = "Where",
        link: Ptr<Url> = "Link",
        big: GobEncoded = "Big",
    }

    pub(crate) struct Base("Base") {
        id: GoString = "ID",
    }

    pub(crate) struct Wide("Wide") {
        base: Base = "Base",
        first: i64 = "First",
        skipped: Any = "Skipped",
        node: Ptr<Node> = "Node",
        pairs: Map<GoString, Inner> = "Pairs",
        when: Time = "When",
        z: Complex = "Z",
        keep: GoString = "Keep",
        list: Vec<Any> = "List",
        array: [Point; 2] = "Array",
        last: u16 = "Last",
    }

    pub(crate) struct Narrow("Narrow") {
        last: u16 = "Last",
        keep: GoString = "Keep",
        new: GoString = "New",
    }

    pub(crate) struct Empty("") {}
}
