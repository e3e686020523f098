package model

var versions = []string{
	"3.1.0",
	"3.0.0",
}
