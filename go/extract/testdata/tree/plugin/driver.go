package plugin

import "database/sql/driver"

// Driver reads rows.
type Driver interface {
	Open(primary bool) (string, error)
	Query(id string, values []driver.NamedValue) (Rows, error)
	Kind(id string, index int) string
}

// Rows are some rows.
type Rows struct {
	Values [][]driver.Value
	Err    error
}
