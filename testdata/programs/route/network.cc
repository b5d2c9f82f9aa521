#include "route.hh"

#include <istream>

void Network::read(std::istream &in)
{
    std::string from, to;
    unsigned length = 0;
    while (in >> from >> to >> length) {
        edges_[from].push_back({to, length});
        edges_[to].push_back({from, length});
    }
}
