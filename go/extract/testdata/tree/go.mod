module fixture.test/server/public

go 1.26
