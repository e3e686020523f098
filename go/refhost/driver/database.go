// Package driver serves the database driver of a Mattermost server on a real PostgreSQL. Its tables, its errors and its
// carelessness are the server's: an unknown connection is a bad connection, an unknown transaction, statement or result is a
// nil that somebody uses.
package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
)

// queryTimeout is Mattermost's default for a query; the driver service uses it only to get a connection.
const queryTimeout = 30 * time.Second

// Database holds everything that plugins have opened. As on the server, the tables are common to all plugins.
type Database struct {
	pool         *sql.DB
	calls        *host.Counters
	connections  *table[connection]
	transactions *table[driver.Tx]
	statements   *table[driver.Stmt]
	results      *table[driver.Rows]
}

type connection struct {
	plugin string
	*sql.Conn
}

// Open connects to the database.
func Open(dsn string) (*Database, error) {
	pool, err := sql.Open("postgres", dsn)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	var names []string
	for _, spec := range mattermost.Driver {
		names = append(names, spec.Name)
	}
	return &Database{
		pool: pool, calls: host.NewCounters(names...),
		connections: newTable[connection](), transactions: newTable[driver.Tx](),
		statements: newTable[driver.Stmt](), results: newTable[driver.Rows](),
	}, nil
}

// Close closes the pool.
func (d *Database) Close() error { return d.pool.Close() }

// Calls returns how often each method was called.
func (d *Database) Calls() map[string]int64 { return d.calls.Snapshot() }

// Left says how many connections, transactions, statements and results the plugins have not closed.
func (d *Database) Left() map[string]int {
	return map[string]int{
		"connections": d.connections.len(), "transactions": d.transactions.len(),
		"statements": d.statements.len(), "results": d.results.len(),
	}
}

// ForPlugin returns what answers the calls of one plugin.
func (d *Database) ForPlugin(id string) mattermost.Handler { return &service{database: d, plugin: id} }

func (d *Database) open(plugin string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return "", err
	}
	return d.connections.put(connection{plugin, conn}), nil
}

// raw calls back with the driver's own connection. After driver.ErrBadConn the pool's connection is done.
func (d *Database) raw(id string, use func(inner any) error) error {
	conn := d.connections.get(id)
	if conn.Conn == nil {
		return driver.ErrBadConn
	}
	return conn.Raw(use)
}

func (d *Database) closeConnection(id string) error {
	conn := d.connections.take(id)
	if conn.Conn == nil {
		return driver.ErrBadConn
	}
	return conn.Close()
}

// closeAll closes the connections that a plugin left open when it was deactivated.
func (d *Database) closeAll(plugin string) error {
	left := d.connections.takeAll(func(c connection) bool { return c.plugin == plugin })
	var failures []error
	for _, conn := range left {
		failures = append(failures, conn.Close())
	}
	return errors.Join(failures...)
}
