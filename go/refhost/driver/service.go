package driver

import (
	"context"
	"database/sql/driver"
	"fmt"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
)

// service answers the calls of one plugin.
type service struct {
	database *Database
	plugin   string
}

type method func(s *service, args, returns any)

// methods are filled by the files of this package.
var methods = map[string]method{}

// on registers a method under its name.
func on[A, R any](name string, answer func(s *service, args *A, returns *R)) {
	methods[name] = func(s *service, args, returns any) { answer(s, args.(*A), returns.(*R)) }
}

// Serve implements mattermost.Handler. A panic, which nobody would recover on the server, becomes an error that tells so.
func (s *service) Serve(spec *mattermost.MethodSpec, args, returns any) (err error) {
	s.database.calls.Add(spec.Name)
	answer := methods[spec.Name]
	if answer == nil {
		return fmt.Errorf("this driver has no method %s", spec.Name)
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = &host.CrashError{Reason: fmt.Sprint(cause)}
		}
	}()
	answer(s, args, returns)
	return nil
}

// Close closes what the plugin left open.
func (s *service) Close() error { return s.database.closeAll(s.plugin) }

func init() {
	on("Conn", func(s *service, _ *bool, returns *mattermost.DbStrErrReturn) {
		returns.A, returns.B = named(s.database.open(s.plugin))
	})
	on("ConnPing", func(s *service, id *string, returns *mattermost.DbErrReturn) {
		returns.A = encodable(s.database.raw(*id, func(inner any) error {
			return inner.(driver.Pinger).Ping(context.Background())
		}))
	})
	on("ConnClose", func(s *service, id *string, returns *mattermost.DbErrReturn) {
		returns.A = encodable(s.database.closeConnection(*id))
	})
	on("ConnQuery", func(s *service, args *mattermost.DbConnArgs, returns *mattermost.DbStrErrReturn) {
		var rows driver.Rows
		err := s.database.raw(args.A, func(inner any) (err error) {
			rows, err = inner.(driver.QueryerContext).QueryContext(context.Background(), args.B, namedValues(args.C))
			return err
		})
		returns.A, returns.B = named(keep(s.database.results, rows, err))
	})
	on("ConnExec", func(s *service, args *mattermost.DbConnArgs, returns *mattermost.DbResultContErrReturn) {
		var result driver.Result
		err := s.database.raw(args.A, func(inner any) (err error) {
			result, err = inner.(driver.ExecerContext).ExecContext(context.Background(), args.B, namedValues(args.C))
			return err
		})
		returns.A, returns.B = contain(result, err)
	})
	on("Tx", func(s *service, args *mattermost.DbTxArgs, returns *mattermost.DbStrErrReturn) {
		options := driver.TxOptions{Isolation: driver.IsolationLevel(args.B.Isolation), ReadOnly: args.B.ReadOnly}
		var transaction driver.Tx
		err := s.database.raw(args.A, func(inner any) (err error) {
			transaction, err = inner.(driver.ConnBeginTx).BeginTx(context.Background(), options)
			return err
		})
		returns.A, returns.B = named(keep(s.database.transactions, transaction, err))
	})
	on("TxCommit", func(s *service, id *string, returns *mattermost.DbErrReturn) {
		returns.A = encodable(s.database.transactions.take(*id).Commit())
	})
	on("TxRollback", func(s *service, id *string, returns *mattermost.DbErrReturn) {
		returns.A = encodable(s.database.transactions.take(*id).Rollback())
	})
}

// keep puts what was opened into its table.
func keep[T any](into *table[T], value T, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return into.put(value), nil
}

// named makes the error of a result fit for the wire.
func named(id string, err error) (string, error) { return id, encodable(err) }

func contain(result driver.Result, err error) (mattermost.ResultContainer, error) {
	contained := mattermost.ResultContainer{}
	if err != nil {
		return contained, encodable(err)
	}
	last, lastError := result.LastInsertId()
	affected, affectedError := result.RowsAffected()
	contained.LastID, contained.LastIDError = last, encodable(lastError)
	contained.RowsAffected, contained.RowsAffectedError = affected, encodable(affectedError)
	return contained, nil
}

func namedValues(values []mattermost.NamedValue) []driver.NamedValue {
	converted := make([]driver.NamedValue, len(values))
	for i, value := range values {
		converted[i] = driver.NamedValue{Name: value.Name, Ordinal: value.Ordinal, Value: value.Value}
	}
	return converted
}
