package conform

import (
	"fmt"
	"reflect"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/fill"
)

// variantState is an error of PostgreSQL's, which has an SQLSTATE.
const variantState = "sqlstate"

// driverStep is one call of the database driver. It takes the id that an earlier step gives, because the bridge refuses others:
// an id that it does not know would end a genuine server.
type driverStep struct{ method, variant, takes, gives string }

// driverSession calls every method with every variant, in an order in which a database could be used.
var driverSession = []driverStep{
	{"Conn", variantFull, "", "c1"}, {"Conn", variantNone, "", "c2"}, {"Conn", variantError, "", ""}, {"Conn", variantState, "", ""},
	{"ConnPing", variantFull, "c1", ""}, {"ConnPing", variantError, "c1", ""}, {"ConnPing", variantState, "c1", ""},
	{"ConnQuery", variantFull, "c1", "r1"}, {"ConnQuery", variantNone, "c1", "r2"}, {"ConnQuery", variantError, "c1", ""}, {"ConnQuery", variantState, "c1", ""},
	{"ConnExec", variantFull, "c1", ""}, {"ConnExec", variantNils, "c1", ""}, {"ConnExec", variantNone, "c1", ""}, {"ConnExec", variantError, "c1", ""},
	{"Tx", variantFull, "c1", "t1"}, {"TxCommit", variantFull, "t1", ""},
	{"Tx", variantNone, "c1", "t2"}, {"TxCommit", variantError, "t2", ""}, {"Tx", variantError, "c1", ""},
	{"Tx", variantFull, "c1", "t3"}, {"TxRollback", variantFull, "t3", ""}, {"Tx", variantFull, "c1", "t4"}, {"TxRollback", variantError, "t4", ""},
	{"Stmt", variantFull, "c1", "s1"}, {"Stmt", variantNone, "c1", "s2"}, {"Stmt", variantState, "c1", ""},
	{"StmtNumInput", variantFull, "s1", ""}, {"StmtNumInput", variantNone, "s1", ""},
	{"StmtQuery", variantFull, "s1", "r3"}, {"StmtQuery", variantNone, "s1", "r4"}, {"StmtQuery", variantError, "s1", ""},
	{"StmtExec", variantFull, "s1", ""}, {"StmtExec", variantNils, "s1", ""}, {"StmtExec", variantNone, "s1", ""}, {"StmtExec", variantState, "s1", ""},
	{"RowsColumns", variantFull, "r1", ""}, {"RowsColumns", variantNone, "r2", ""},
	{"RowsColumnTypeDatabaseTypeName", variantFull, "r1", ""}, {"RowsColumnTypeDatabaseTypeName", variantNone, "r1", ""},
	{"RowsColumnTypePrecisionScale", variantFull, "r1", ""}, {"RowsColumnTypePrecisionScale", variantNone, "r1", ""},
	{"RowsNext", variantFull, "r1", ""}, {"RowsNext", variantNils, "r1", ""}, {"RowsNext", variantNone, "r1", ""}, {"RowsNext", variantError, "r1", ""},
	{"RowsHasNextResultSet", variantFull, "r1", ""}, {"RowsHasNextResultSet", variantNone, "r1", ""},
	{"RowsNextResultSet", variantFull, "r1", ""}, {"RowsNextResultSet", variantError, "r1", ""},
	{"RowsClose", variantFull, "r1", ""}, {"RowsClose", variantFull, "r2", ""}, {"RowsClose", variantFull, "r3", ""}, {"RowsClose", variantError, "r4", ""},
	{"StmtClose", variantFull, "s1", ""}, {"StmtClose", variantError, "s2", ""},
	{"ConnClose", variantFull, "c1", ""}, {"ConnClose", variantError, "c2", ""},
}

func driverCases(seed uint64, style string) []*apiCase {
	ids := map[string]string{}
	times := map[string]int{}
	var cases []*apiCase
	for _, step := range driverSession {
		name := fmt.Sprintf("driver/%s/%s/%s", style, step.method, step.variant)
		if times[name]++; times[name] > 1 {
			name = fmt.Sprintf("%s %d", name, times[name])
		}
		cases = append(cases, newDriverCase(seed, name, step, ids))
	}
	return cases
}

func newDriverCase(seed uint64, name string, step driverStep, ids map[string]string) *apiCase {
	spec := mattermost.DriverByName(step.method)
	c := &apiCase{record: record{name: name}, service: serviceDriver, spec: spec, args: spec.NewArgs(), returns: spec.NewReturns()}
	fillSlots(fill.New(seed, name, step.variant == variantNils), step.variant, c.args, spec.Params, true)
	fillSlots(fill.New(seed, name+"returns", step.variant == variantNils), step.variant, c.returns, spec.Results, true)
	if step.takes != "" {
		canon.SlotValue(c.args, spec.Params[0]).SetString(ids[step.takes])
	}
	if args, ok := c.args.(*mattermost.DbRowsColumnArg); ok && args.B != 0 {
		args.B = 1 // the bridge lets only columns through that RowsColumns has named, and it named two
	}
	if step.gives != "" {
		ids[step.gives] = "id " + fill.New(seed, name+"id", false).Value(reflect.TypeFor[string]()).String()
		canon.SlotValue(c.returns, spec.Results[0]).SetString(ids[step.gives])
	}
	c.failure = driverFailure(fill.New(seed, name+"error", false), step.variant)
	if container, ok := c.returns.(*mattermost.DbResultContErrReturn); ok && step.variant == variantFull {
		container.A.LastIDError = &mattermost.ErrorString{Code: 5, Err: "no last id in größe"}
		container.A.RowsAffectedError = &mattermost.ErrorString{Err: "unknown"}
	}
	return c
}

// driverFailure is a well-known error of Go's, with its number, or one of PostgreSQL's.
func driverFailure(filler *fill.Filler, variant string) error {
	switch variant {
	case variantError:
		return &mattermost.ErrorString{Code: 3, Err: filler.Value(reflect.TypeFor[string]()).String()}
	case variantState:
		failure := filler.Value(reflect.TypeFor[mattermost.PQError]()).Interface().(mattermost.PQError)
		failure.Code = "23505"
		return &failure
	}
	return nil
}
