package driver

import (
	"database/sql/driver"

	"mattermost-plugin/mattermost"
)

func init() {
	on("RowsColumns", func(s *service, id *string, returns *mattermost.DbStrSliceReturn) {
		returns.A = s.database.results.get(*id).Columns()
	})
	on("RowsClose", func(s *service, id *string, returns *mattermost.DbErrReturn) {
		returns.A = encodable(s.database.results.take(*id).Close())
	})
	// The plugin sends a list of as many nils as there are columns, and gets it back filled.
	on("RowsNext", func(s *service, args *mattermost.DbRowScanArg, returns *mattermost.DbRowScanReturn) {
		row := make([]driver.Value, len(args.B))
		returns.A = encodable(s.database.results.get(args.A).Next(row))
		returns.B = make([]any, len(row))
		for i, value := range row {
			returns.B[i] = value
		}
	})
	on("RowsHasNextResultSet", func(s *service, id *string, returns *mattermost.DbBoolReturn) {
		returns.A = s.database.results.get(*id).(driver.RowsNextResultSet).HasNextResultSet()
	})
	on("RowsNextResultSet", func(s *service, id *string, returns *mattermost.DbErrReturn) {
		returns.A = encodable(s.database.results.get(*id).(driver.RowsNextResultSet).NextResultSet())
	})
	on("RowsColumnTypeDatabaseTypeName", func(s *service, args *mattermost.DbRowsColumnArg, returns *string) {
		*returns = s.database.results.get(args.A).(driver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(args.B)
	})
	on("RowsColumnTypePrecisionScale", func(s *service, args *mattermost.DbRowsColumnArg, returns *mattermost.DbRowsColumnTypePrecisionScaleReturn) {
		returns.A, returns.B, returns.C = s.database.results.get(args.A).(driver.RowsColumnTypePrecisionScale).ColumnTypePrecisionScale(args.B)
	})
}
