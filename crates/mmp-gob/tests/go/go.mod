module gobpeer

go 1.24
