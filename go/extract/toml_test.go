package main

import (
	"fmt"
	"strings"
	"testing"
)

// show writes tables in a form that tests can compare.
func show(tables []tomlTable) string {
	var out []string
	for _, table := range tables {
		out = append(out, fmt.Sprintf("%d %s", table.line, strings.Join(table.name, "/")))
		for _, e := range table.entries {
			out = append(out, fmt.Sprintf("%d %s = %s", e.line, e.key, showValue(e.value)))
		}
	}
	return strings.Join(out, "\n")
}

func showValue(v tomlValue) string {
	switch v.kind {
	case tomlString:
		return fmt.Sprintf("%q", v.text)
	case tomlList:
		return list(v.list, showValue)
	}
	return v.text
}

func TestReadTOML(t *testing.T) {
	text := strings.Join([]string{
		`# a comment`,
		`top = 1_000 # another`,
		`[a."b.c".'d']`,
		`basic = "x\t\"\u00e9\U0001F600\\" # "not part of it"`,
		`literal = 'C:\x'`,
		`  "quoted key" . part = true`,
		`long = """`,
		`first \`,
		`   joined ""quotes""`,
		`[not.a.header]"""`,
		`raw = '''`,
		`it's \n`,
		`'''`,
		`items = [ 'a', [1, 2], # a comment ]`,
		`  { k = "]", l = [] },`,
		`]`,
		`[[list.of]]`,
		`date = 2026-01-02T03:04:05Z`,
		``,
	}, "\r\n")
	tables, err := readTOML("t.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`1 `,
		`2 top = 1_000`,
		`3 a/b.c/d`,
		`4 basic = "x\t\"é😀\\"`,
		`5 literal = "C:\\x"`,
		`6 quoted key.part = true`,
		`7 long = "first joined \"\"quotes\"\"\r\n[not.a.header]"`,
		`11 raw = "it's \\n\r\n"`,
		`14 items = ["a", [1, 2], {}]`,
		`17 list/of`,
		`18 date = 2026-01-02T03:04:05Z`,
	}, "\n")
	if have := show(tables); have != want {
		t.Errorf("have\n%s\nwant\n%s", have, want)
	}
}

func TestReadTOMLErrors(t *testing.T) {
	for text, message := range map[string]string{
		"\n= 1":             "t.toml:2: expected a key",
		"a":                 "t.toml:1: expected = after the key a",
		"a = ":              "t.toml:1: expected a value",
		"a = 1 ]":           "t.toml:1: unexpected text at the end of the line",
		"a = 'x":            "t.toml:1: a string does not end",
		"a = \"x\ny\"":      "t.toml:1: a string does not end",
		"a = '''x\n":        "t.toml:1: a string does not end",
		"a = \"x\\":         "t.toml:1: a string does not end",
		`a = "\q"`:          `t.toml:1: unknown escape \q in a string`,
		`a = "\u12"`:        `t.toml:1: unknown escape \u in a string`,
		`a = "\u12zz"`:      `t.toml:1: wrong escape \u12zz in a string`,
		"a = [1\n2]":        "t.toml:2: expected , or ] in a list",
		"a = [1,":           "t.toml:1: expected a value",
		"a = {b}":           "t.toml:1: expected = in an inline table",
		"a = {b = 1\nc}":    "t.toml:2: expected , or } in an inline table",
		"a = {b = 'x' c=1}": "t.toml:1: expected , or } in an inline table",
		"[a":                "t.toml:1: a section's header must end in ]",
		"[[a]":              "t.toml:1: a section's header must end in ]]",
		"[a] b":             "t.toml:1: unexpected text at the end of the line",
		"[]":                "t.toml:1: expected a key",
		"'a = 1":            "t.toml:1: a string does not end",
	} {
		_, err := readTOML("t.toml", []byte(text))
		if err == nil || err.Error() != message {
			t.Errorf("%q: %v, want %s", text, err, message)
		}
	}
}

// FuzzReadTOML looks for input on which the reader panics or does not come to an end.
func FuzzReadTOML(f *testing.F) {
	f.Add([]byte("[a.b]\nc = ['x', \"y\\n\", {d = '''z'''}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		readTOML("t.toml", text)
	})
}
