package driver_test

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"strings"
	"testing"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/driver"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/internal/postgres"
)

// client calls a driver through net/rpc and gob, as a plugin does.
type client struct {
	t        *testing.T
	database *driver.Database
	service  mattermost.Handler
	rpc      *rpc.Client
}

func TestDriver(t *testing.T) {
	cluster, err := postgres.Start()
	if errors.Is(err, postgres.ErrNotInstalled) {
		fmt.Fprintf(os.Stderr, "SKIPPED: %s: %v\n", t.Name(), err)
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	database, err := driver.Open(cluster.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	for _, test := range []struct {
		name string
		run  func(c *client)
	}{
		{"queries and rows", testQueries},
		{"prepared statements", testStatements},
		{"transactions", testTransactions},
		{"several result sets", testResultSets},
		{"PostgreSQL's errors", testErrors},
		{"unknown ids", testUnknownIDs},
		{"timestamps end the connection", testTimestamps},
		{"a connection that breaks inside a transaction", testBrokenConnection},
		{"what a plugin leaves open", testLeftOpen},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(connect(t, database)) })
	}
	for name, calls := range database.Calls() {
		if calls == 0 {
			t.Errorf("%s was never called", name)
		}
	}
}

func connect(t *testing.T, database *driver.Database) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	service := database.ForPlugin(t.Name())
	server := rpc.NewServer()
	if err := server.RegisterName("Plugin", &mattermost.DriverServer{Handler: service}); err != nil {
		t.Fatal(err)
	}
	go server.ServeConn(theirs)
	c := &client{t, database, service, rpc.NewClient(ours)}
	t.Cleanup(func() { _ = c.rpc.Close() })
	return c
}

func (c *client) call(method string, args, returns any) {
	c.t.Helper()
	if err := c.rpc.Call("Plugin."+method, args, returns); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

// id calls a method that returns an id, which must work.
func (c *client) id(method string, args any) string {
	c.t.Helper()
	returns := &mattermost.DbStrErrReturn{}
	c.call(method, args, returns)
	if returns.B != nil || returns.A == "" {
		c.t.Fatalf("%s: %q, %v", method, returns.A, returns.B)
	}
	return returns.A
}

// fail calls a method that returns an id and returns its error.
func (c *client) fail(method string, args any) error {
	c.t.Helper()
	returns := &mattermost.DbStrErrReturn{}
	c.call(method, args, returns)
	return returns.B
}

// do calls a method that returns an error only.
func (c *client) do(method, id string) error {
	c.t.Helper()
	returns := &mattermost.DbErrReturn{}
	c.call(method, id, returns)
	return returns.A
}

func (c *client) must(method, id string) {
	c.t.Helper()
	if err := c.do(method, id); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

func (c *client) exec(conn, query string, values ...any) mattermost.ResultContainer {
	c.t.Helper()
	returns := &mattermost.DbResultContErrReturn{}
	c.call("ConnExec", &mattermost.DbConnArgs{A: conn, B: query, C: numbered(values)}, returns)
	if returns.B != nil {
		c.t.Fatal(returns.B)
	}
	return returns.A
}

func (c *client) next(rows string, columns int) ([]any, error) {
	c.t.Helper()
	returns := &mattermost.DbRowScanReturn{}
	c.call("RowsNext", &mattermost.DbRowScanArg{A: rows, B: make([]any, columns)}, returns)
	return returns.B, returns.A
}

func (c *client) conn() string { c.t.Helper(); return c.id("Conn", true) }

func numbered(values []any) []mattermost.NamedValue {
	var list []mattermost.NamedValue
	for i, value := range values {
		list = append(list, mattermost.NamedValue{Ordinal: i + 1, Value: value})
	}
	return list
}

// isCode says whether an error has one of the numbers of well-known errors.
func isCode(err error, code int) bool {
	var text *mattermost.ErrorString
	return errors.As(err, &text) && text.Code == code
}

func testQueries(c *client) {
	conn := c.conn()
	c.must("ConnPing", conn)
	c.exec(conn, "CREATE TEMPORARY TABLE t (i bigint, f double precision, b bool, s text, raw bytea, n numeric(10,2), empty text)")
	result := c.exec(conn, "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7), (2, 0, false, '', '', 0, '')",
		int64(1), 1.5, true, "text", []byte{0, 1}, "12.34", nil)
	if result.RowsAffected != 2 || result.LastIDError == nil {
		c.t.Errorf("%+v", result)
	}
	rows := c.id("ConnQuery", &mattermost.DbConnArgs{A: conn, B: "SELECT * FROM t ORDER BY i"})
	columns := &mattermost.DbStrSliceReturn{}
	c.call("RowsColumns", rows, columns)
	if fmt.Sprint(columns.A) != "[i f b s raw n empty]" {
		c.t.Errorf("%v", columns.A)
	}
	var typeName string
	c.call("RowsColumnTypeDatabaseTypeName", &mattermost.DbRowsColumnArg{A: rows, B: 5}, &typeName)
	scale := &mattermost.DbRowsColumnTypePrecisionScaleReturn{}
	c.call("RowsColumnTypePrecisionScale", &mattermost.DbRowsColumnArg{A: rows, B: 5}, scale)
	if typeName != "NUMERIC" || *scale != (mattermost.DbRowsColumnTypePrecisionScaleReturn{A: 10, B: 2, C: true}) {
		c.t.Errorf("%s %+v", typeName, scale)
	}
	row, err := c.next(rows, 7)
	want := []any{int64(1), 1.5, true, "text", []byte{0, 1}, []byte("12.34"), nil}
	if err != nil || fmt.Sprintf("%#v", row) != fmt.Sprintf("%#v", want) {
		c.t.Errorf("%#v, %v", row, err)
	}
	if _, err := c.next(rows, 7); err != nil {
		c.t.Error(err)
	}
	if _, err := c.next(rows, 7); !isCode(err, 1) {
		c.t.Errorf("after the last row: %v", err)
	}
	c.must("RowsClose", rows)
	c.exec(conn, "DROP TABLE t")
	c.must("ConnClose", conn)
}

func testStatements(c *client) {
	conn := c.conn()
	statement := c.id("Stmt", &mattermost.DbStmtArgs{A: conn, B: "SELECT $1::text || $2::text"})
	inputs := &mattermost.DbIntReturn{}
	c.call("StmtNumInput", statement, inputs)
	if inputs.A != 2 {
		c.t.Errorf("%d inputs", inputs.A)
	}
	rows := c.id("StmtQuery", &mattermost.DbStmtQueryArgs{A: statement, B: numbered([]any{"a", "b"})})
	if row, err := c.next(rows, 1); err != nil || row[0] != "ab" {
		c.t.Errorf("%v, %v", row, err)
	}
	c.must("RowsClose", rows)
	c.must("StmtClose", statement)
	c.exec(conn, "CREATE TEMPORARY TABLE t (i bigint)")
	statement = c.id("Stmt", &mattermost.DbStmtArgs{A: conn, B: "INSERT INTO t VALUES ($1)"})
	returns := &mattermost.DbResultContErrReturn{}
	c.call("StmtExec", &mattermost.DbStmtQueryArgs{A: statement, B: numbered([]any{int64(7)})}, returns)
	if returns.B != nil || returns.A.RowsAffected != 1 {
		c.t.Errorf("%+v", returns)
	}
	c.must("StmtClose", statement)
	c.exec(conn, "DROP TABLE t")
	c.must("ConnClose", conn)
}

func (c *client) count(conn, table string) int64 {
	c.t.Helper()
	rows := c.id("ConnQuery", &mattermost.DbConnArgs{A: conn, B: "SELECT count(*) FROM " + table})
	row, err := c.next(rows, 1)
	if err != nil {
		c.t.Fatal(err)
	}
	c.must("RowsClose", rows)
	return row[0].(int64)
}

func testTransactions(c *client) {
	conn := c.conn()
	c.exec(conn, "CREATE TEMPORARY TABLE t (i bigint)")
	tx := c.id("Tx", &mattermost.DbTxArgs{A: conn})
	c.exec(conn, "INSERT INTO t VALUES (1)")
	c.must("TxRollback", tx)
	if got := c.count(conn, "t"); got != 0 {
		c.t.Errorf("%d rows after the rollback", got)
	}
	// 6 is Go's sql.LevelSerializable.
	tx = c.id("Tx", &mattermost.DbTxArgs{A: conn, B: mattermost.TxOptions{Isolation: 6}})
	c.exec(conn, "INSERT INTO t VALUES (1)")
	c.must("TxCommit", tx)
	if got := c.count(conn, "t"); got != 1 {
		c.t.Errorf("%d rows after the commit", got)
	}
	tx = c.id("Tx", &mattermost.DbTxArgs{A: conn, B: mattermost.TxOptions{ReadOnly: true}})
	returns := &mattermost.DbResultContErrReturn{}
	c.call("ConnExec", &mattermost.DbConnArgs{A: conn, B: "CREATE TABLE forbidden (i int)"}, returns)
	var failure *mattermost.PQError
	if !errors.As(returns.B, &failure) || failure.Code != "25006" {
		c.t.Errorf("%v", returns.B)
	}
	c.must("TxRollback", tx)
	c.exec(conn, "DROP TABLE t")
	c.must("ConnClose", conn)
}

func testResultSets(c *client) {
	conn := c.conn()
	rows := c.id("ConnQuery", &mattermost.DbConnArgs{A: conn, B: "SELECT 1; SELECT 'two'"})
	if row, err := c.next(rows, 1); err != nil || row[0] != int64(1) {
		c.t.Errorf("%v, %v", row, err)
	}
	if _, err := c.next(rows, 1); !isCode(err, 1) {
		c.t.Errorf("%v", err)
	}
	more := &mattermost.DbBoolReturn{}
	c.call("RowsHasNextResultSet", rows, more)
	if !more.A {
		c.t.Fatal("there is no second result set")
	}
	c.must("RowsNextResultSet", rows)
	if row, err := c.next(rows, 1); err != nil || row[0] != "two" {
		c.t.Errorf("%v, %v", row, err)
	}
	c.must("RowsClose", rows)
	c.must("ConnClose", conn)
}

func testErrors(c *client) {
	conn := c.conn()
	var failure *mattermost.PQError
	err := c.fail("ConnQuery", &mattermost.DbConnArgs{A: conn, B: "SELECT * FROM nowhere"})
	if !errors.As(err, &failure) || failure.Code != "42P01" || failure.Position != "15" || failure.Severity != "ERROR" {
		c.t.Errorf("%+v", err)
	}
	if err := c.fail("Stmt", &mattermost.DbStmtArgs{A: conn, B: "SELEC"}); !errors.As(err, &failure) || failure.Code != "42601" {
		c.t.Errorf("%+v", err)
	}
	c.must("ConnClose", conn)
}

// testUnknownIDs: only connections are looked up with care.
func testUnknownIDs(c *client) {
	for method, args := range map[string]any{
		"Tx": &mattermost.DbTxArgs{A: "?"}, "Stmt": &mattermost.DbStmtArgs{A: "?"}, "ConnQuery": &mattermost.DbConnArgs{A: "?"},
	} {
		if err := c.fail(method, args); !isCode(err, 6) {
			c.t.Errorf("%s: %v", method, err)
		}
	}
	for _, method := range []string{"ConnPing", "ConnClose"} {
		if err := c.do(method, "?"); !isCode(err, 6) {
			c.t.Errorf("%s: %v", method, err)
		}
	}
	for _, method := range []string{"TxCommit", "TxRollback", "StmtClose", "RowsClose", "RowsNextResultSet"} {
		id := "?"
		var crash *host.CrashError
		if err := c.service.Serve(mattermost.DriverByName(method), &id, &mattermost.DbErrReturn{}); !errors.As(err, &crash) {
			c.t.Errorf("%s: %v", method, err)
		}
	}
}

// testTimestamps: time.Time is not registered with gob, so the reply cannot be encoded, and net/rpc closes the connection.
func testTimestamps(c *client) {
	conn := c.conn()
	rows := c.id("ConnQuery", &mattermost.DbConnArgs{A: conn, B: "SELECT now()"})
	var typeName string
	c.call("RowsColumnTypeDatabaseTypeName", &mattermost.DbRowsColumnArg{A: rows, B: 0}, &typeName)
	if typeName != "TIMESTAMPTZ" {
		c.t.Errorf("%s", typeName)
	}
	err := c.rpc.Call("Plugin.RowsNext", &mattermost.DbRowScanArg{A: rows, B: make([]any, 1)}, &mattermost.DbRowScanReturn{})
	if err == nil {
		c.t.Fatal("a timestamp was sent")
	}
	if err := c.rpc.Call("Plugin.ConnPing", conn, &mattermost.DbErrReturn{}); err == nil {
		c.t.Error("the connection still works")
	}
	// Rows that are left open would spoil the connection for the next one who gets it from the pool.
	if err := c.service.Serve(mattermost.DriverByName("RowsClose"), &rows, &mattermost.DbErrReturn{}); err != nil {
		c.t.Error(err)
	}
	if err := c.service.(interface{ Close() error }).Close(); err != nil {
		c.t.Error(err)
	}
}

func testBrokenConnection(c *client) {
	conn, killer := c.conn(), c.conn()
	rows := c.id("ConnQuery", &mattermost.DbConnArgs{A: conn, B: "SELECT pg_backend_pid()"})
	pid, err := c.next(rows, 1)
	if err != nil {
		c.t.Fatal(err)
	}
	c.must("RowsClose", rows)
	tx := c.id("Tx", &mattermost.DbTxArgs{A: conn})
	c.exec(conn, "CREATE TABLE never (i int)")
	// The second argument makes PostgreSQL wait until the backend has gone.
	rows = c.id("ConnQuery", &mattermost.DbConnArgs{A: killer, B: "SELECT pg_terminate_backend($1, 10000)", C: numbered([]any{pid[0]})})
	if row, err := c.next(rows, 1); err != nil || row[0] != true {
		c.t.Fatalf("%v, %v", row, err)
	}
	c.must("RowsClose", rows)
	returns := &mattermost.DbResultContErrReturn{}
	c.call("ConnExec", &mattermost.DbConnArgs{A: conn, B: "INSERT INTO never VALUES (1)"}, returns)
	if returns.B == nil {
		c.t.Error("a broken connection still works")
	}
	if err := c.do("TxCommit", tx); err == nil {
		c.t.Error("the transaction of a broken connection was committed")
	}
	if err := c.fail("ConnQuery", &mattermost.DbConnArgs{A: killer, B: "SELECT * FROM never"}); err == nil || !strings.Contains(err.Error(), "never") {
		c.t.Errorf("%v", err)
	}
	_ = c.do("ConnClose", conn) // whatever it answers: the connection is broken
	c.must("ConnClose", killer)
}

func testLeftOpen(c *client) {
	before := c.database.Left()["connections"]
	c.conn()
	c.conn()
	if got := c.database.Left()["connections"]; got != before+2 {
		c.t.Errorf("%d connections", got)
	}
	if err := c.service.(interface{ Close() error }).Close(); err != nil {
		c.t.Error(err)
	}
	if got := c.database.Left()["connections"]; got != before {
		c.t.Errorf("%d connections are left", got)
	}
}
