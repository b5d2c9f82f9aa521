// Shortest ways through a network of lines "FROM TO LENGTH".
#ifndef ROUTE_HH
#define ROUTE_HH
#include <iosfwd>
#include <string>
#include <unordered_map>
#include <vector>

struct Edge {
    std::string to;
    unsigned length;
};

class Network {
public:
    void read(std::istream &in);
    bool shortest(const std::string &from, const std::string &to, std::vector<std::string> &way, unsigned &length) const;

private:
    std::unordered_map<std::string, std::vector<Edge>> edges_;
};

const char *about();
#endif
