module example.org/freq

go 1.19
