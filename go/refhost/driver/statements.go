package driver

import (
	"database/sql/driver"

	"mattermost-plugin/mattermost"
)

func init() {
	on("Stmt", func(s *service, args *mattermost.DbStmtArgs, returns *mattermost.DbStrErrReturn) {
		var statement driver.Stmt
		err := s.database.raw(args.A, func(inner any) (err error) {
			statement, err = inner.(driver.Conn).Prepare(args.B)
			return err
		})
		returns.A, returns.B = named(keep(s.database.statements, statement, err))
	})
	on("StmtClose", func(s *service, id *string, returns *mattermost.DbErrReturn) {
		returns.A = encodable(s.database.statements.take(*id).Close())
	})
	on("StmtNumInput", func(s *service, id *string, returns *mattermost.DbIntReturn) {
		returns.A = s.database.statements.get(*id).NumInput()
	})
	on("StmtQuery", func(s *service, args *mattermost.DbStmtQueryArgs, returns *mattermost.DbStrErrReturn) {
		rows, err := s.database.statements.get(args.A).Query(values(args.B)) //nolint:staticcheck // the server calls this form
		returns.A, returns.B = named(keep(s.database.results, rows, err))
	})
	on("StmtExec", func(s *service, args *mattermost.DbStmtQueryArgs, returns *mattermost.DbResultContErrReturn) {
		result, err := s.database.statements.get(args.A).Exec(values(args.B)) //nolint:staticcheck // the server calls this form
		returns.A, returns.B = contain(result, err)
	})
}

// values drops names and ordinals, as the server does.
func values(list []mattermost.NamedValue) []driver.Value {
	converted := make([]driver.Value, len(list))
	for i, value := range list {
		converted[i] = value.Value
	}
	return converted
}
