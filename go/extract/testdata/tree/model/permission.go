package model

// Permission is what may be done.
type Permission struct {
	Id    string
	Scope string
}

const scope = "team"

var PermissionRead *Permission
var PermissionWrite, PermissionManage *Permission
var PermissionDirect = &Permission{Id: "direct"}

func setUp() {
	PermissionRead = &Permission{"read" + "_note", scope}
	PermissionWrite = &Permission{Scope: scope, Id: "write_note"}
	PermissionManage = &Permission{
		"manage_" + scope,
		"",
	}
}
