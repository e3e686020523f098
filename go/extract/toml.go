package main

import (
	"fmt"
	"strconv"
	"strings"
)

// tomlTable is one `[section]` of a TOML file. Keys before the first header are in a table with the name "".
type tomlTable struct {
	name    []string
	line    int
	entries []tomlEntry
}

type tomlEntry struct {
	key   string
	line  int
	value tomlValue
}

// tomlValue is a string, a list, or something else that the extractor has no use for.
type tomlValue struct {
	kind tomlKind
	text string
	list []tomlValue
}

type tomlKind int

const (
	tomlOther tomlKind = iota // a number, a boolean, a date or an inline table
	tomlString
	tomlList
)

// readTOML reads the subset of TOML that overrides.toml is written in: tables, arrays of tables, all four kinds of strings, lists,
// inline tables, and other values, which are kept as their text. Every part of the file is read, whoever it is meant for, because a
// bracket or a quote in a value of a foreign section must not be taken for a header.
func readTOML(file string, text []byte) ([]tomlTable, error) {
	r := &tomlReader{file: file, text: string(text), line: 1}
	tables := []tomlTable{{line: 1}}
	for {
		r.skip(true)
		if r.done() {
			return tables, nil
		}
		if r.peek() == '[' {
			table, err := r.header()
			if err != nil {
				return nil, err
			}
			tables = append(tables, table)
			continue
		}
		entry, err := r.entry()
		if err != nil {
			return nil, err
		}
		last := &tables[len(tables)-1]
		last.entries = append(last.entries, entry)
	}
}

type tomlReader struct {
	file string
	text string
	at   int
	line int
}

func (r *tomlReader) done() bool { return r.at >= len(r.text) }

// peek is the next byte, or 0 at the end.
func (r *tomlReader) peek() byte {
	if r.done() {
		return 0
	}
	return r.text[r.at]
}

func (r *tomlReader) advance(n int) {
	r.line += strings.Count(r.text[r.at:r.at+n], "\n")
	r.at += n
}

func (r *tomlReader) fail(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", r.file, r.line, fmt.Sprintf(format, args...))
}

// skip passes blanks and, if lines is set, line ends and comments.
func (r *tomlReader) skip(lines bool) {
	for !r.done() {
		switch c := r.peek(); {
		case c == ' ' || c == '\t' || c == '\r':
			r.advance(1)
		case c == '\n' && lines:
			r.advance(1)
		case c == '#' && lines:
			end := strings.IndexByte(r.text[r.at:], '\n')
			if end < 0 {
				end = len(r.text) - r.at
			}
			r.advance(end)
		default:
			return
		}
	}
}

// endOfLine checks that nothing but a comment follows on the line.
func (r *tomlReader) endOfLine() error {
	r.skip(false)
	if c := r.peek(); r.done() || c == '\n' || c == '#' {
		return nil
	}
	return r.fail("unexpected text at the end of the line")
}

func (r *tomlReader) header() (tomlTable, error) {
	table := tomlTable{line: r.line}
	closing := "]"
	if strings.HasPrefix(r.text[r.at:], "[[") {
		closing = "]]"
	}
	r.advance(len(closing))
	name, err := r.key()
	if err != nil {
		return table, err
	}
	if !strings.HasPrefix(r.text[r.at:], closing) {
		return table, r.fail("a section's header must end in %s", closing)
	}
	r.advance(len(closing))
	table.name = name
	return table, r.endOfLine()
}

func (r *tomlReader) entry() (tomlEntry, error) {
	entry := tomlEntry{line: r.line}
	key, err := r.key()
	if err != nil {
		return entry, err
	}
	entry.key = strings.Join(key, ".")
	if r.peek() != '=' {
		return entry, r.fail("expected = after the key %s", entry.key)
	}
	r.advance(1)
	entry.value, err = r.value()
	if err != nil {
		return entry, err
	}
	return entry, r.endOfLine()
}

// key reads a dotted key and the blanks around it.
func (r *tomlReader) key() ([]string, error) {
	var parts []string
	for {
		r.skip(false)
		part, err := r.keyPart()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		r.skip(false)
		if r.peek() != '.' {
			return parts, nil
		}
		r.advance(1)
	}
}

func (r *tomlReader) keyPart() (string, error) {
	if c := r.peek(); c == '"' || c == '\'' {
		value, err := r.stringValue()
		return value.text, err
	}
	start := r.at
	for !r.done() && isBareKeyByte(r.peek()) {
		r.advance(1)
	}
	if r.at == start {
		return "", r.fail("expected a key")
	}
	return r.text[start:r.at], nil
}

func isBareKeyByte(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func (r *tomlReader) value() (tomlValue, error) {
	r.skip(false)
	switch r.peek() {
	case '"', '\'':
		return r.stringValue()
	case '[':
		return r.listValue()
	case '{':
		return r.inlineTable()
	}
	start := r.at
	for !r.done() && !strings.ContainsRune(",]}#\n", rune(r.peek())) {
		r.advance(1)
	}
	text := strings.TrimSpace(r.text[start:r.at])
	if text == "" {
		return tomlValue{}, r.fail("expected a value")
	}
	return tomlValue{text: text}, nil
}

func (r *tomlReader) listValue() (tomlValue, error) {
	list := tomlValue{kind: tomlList}
	r.advance(1)
	for {
		r.skip(true)
		if r.peek() == ']' {
			r.advance(1)
			return list, nil
		}
		item, err := r.value()
		if err != nil {
			return list, err
		}
		list.list = append(list.list, item)
		r.skip(true)
		switch r.peek() {
		case ',':
			r.advance(1)
		case ']':
		default:
			return list, r.fail("expected , or ] in a list")
		}
	}
}

// inlineTable reads over `{key = value, ...}`; the extractor's sections have none.
func (r *tomlReader) inlineTable() (tomlValue, error) {
	r.advance(1)
	for {
		r.skip(true)
		if r.peek() == '}' {
			r.advance(1)
			return tomlValue{text: "{}"}, nil
		}
		if _, err := r.key(); err != nil {
			return tomlValue{}, err
		}
		if r.peek() != '=' {
			return tomlValue{}, r.fail("expected = in an inline table")
		}
		r.advance(1)
		if _, err := r.value(); err != nil {
			return tomlValue{}, err
		}
		r.skip(true)
		switch r.peek() {
		case ',':
			r.advance(1)
		case '}':
		default:
			return tomlValue{}, r.fail("expected , or } in an inline table")
		}
	}
}

// stringValue reads a basic or literal string, on one line or, in three quotes, on several.
func (r *tomlReader) stringValue() (tomlValue, error) {
	quote := r.text[r.at : r.at+1]
	long := strings.HasPrefix(r.text[r.at:], strings.Repeat(quote, 3))
	if long {
		quote = strings.Repeat(quote, 3)
	}
	start := r.at + len(quote)
	end := start
	for {
		if end >= len(r.text) || !long && r.text[end] == '\n' {
			return tomlValue{}, r.fail("a string does not end")
		}
		if strings.HasPrefix(r.text[end:], quote) {
			break
		}
		if quote[0] == '"' && r.text[end] == '\\' {
			end++
		}
		end++
	}
	raw := r.text[start:end]
	if long {
		raw = strings.TrimPrefix(strings.TrimPrefix(raw, "\r"), "\n")
	}
	text := raw
	if quote[0] == '"' {
		var err error
		if text, err = unescape(raw); err != nil {
			return tomlValue{}, r.fail("%v", err)
		}
	}
	r.advance(end + len(quote) - r.at)
	return tomlValue{kind: tomlString, text: text}, nil
}

// unescape resolves TOML's backslash escapes.
func unescape(raw string) (string, error) {
	simple := map[byte]string{'b': "\b", 't': "\t", 'n': "\n", 'f': "\f", 'r': "\r", '"': `"`, '\\': `\`}
	var out strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out.WriteByte(raw[i])
			continue
		}
		i++
		if i >= len(raw) {
			return "", fmt.Errorf("a string ends in a backslash")
		}
		if replacement, ok := simple[raw[i]]; ok {
			out.WriteString(replacement)
			continue
		}
		digits := map[byte]int{'u': 4, 'U': 8}[raw[i]]
		switch {
		case digits > 0 && i+digits < len(raw):
			code, err := strconv.ParseUint(raw[i+1:i+1+digits], 16, 32)
			if err != nil {
				return "", fmt.Errorf("wrong escape \\%s in a string", raw[i:i+1+digits])
			}
			out.WriteRune(rune(code))
			i += digits
		case raw[i] == '\n' || raw[i] == ' ' || raw[i] == '\t' || raw[i] == '\r':
			// A backslash at the end of a line joins it with the next one.
			rest := strings.TrimLeft(raw[i:], " \t\r\n")
			i = len(raw) - len(rest) - 1
		default:
			return "", fmt.Errorf("unknown escape \\%c in a string", raw[i])
		}
	}
	return out.String(), nil
}
