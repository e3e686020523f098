package main

import (
	"errors"
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// problems collects what is wrong with a tree, so that one run shows all of it.
type problems struct {
	list []problem
}

type problem struct {
	position token.Position
	message  string
}

func (p problem) String() string {
	return fmt.Sprintf("%s:%d: %s", p.position.Filename, p.position.Line, p.message)
}

func (p *problems) add(position token.Position, format string, args ...any) {
	p.list = append(p.list, problem{position, fmt.Sprintf(format, args...)})
}

// err is nil if there are no problems; otherwise its text has one line for each, in the order of the source.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	lines := slices.Clone(p.list)
	slices.SortStableFunc(lines, func(a, b problem) int {
		if c := strings.Compare(a.position.Filename, b.position.Filename); c != 0 {
			return c
		}
		return a.position.Offset - b.position.Offset
	})
	var text []string
	for _, line := range lines {
		text = append(text, line.String())
	}
	return errors.New(strings.Join(slices.Compact(text), "\n"))
}
