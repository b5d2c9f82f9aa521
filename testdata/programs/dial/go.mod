module example.org/dial

go 1.19
