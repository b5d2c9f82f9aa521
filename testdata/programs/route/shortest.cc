#include "route.hh"

#include <algorithm>
#include <queue>

namespace {
struct Visit {
    unsigned length;
    std::string place, before;
    bool operator<(const Visit &other) const { return length > other.length; }
};
constexpr unsigned LONGEST = 100000;
}

bool Network::shortest(const std::string &from, const std::string &to, std::vector<std::string> &way,
                       unsigned &length) const
{
    std::unordered_map<std::string, std::string> before;
    std::priority_queue<Visit> open;
    open.push({0, from, ""});
    while (!open.empty()) {
        Visit visit = open.top();
        open.pop();
        if (visit.length > LONGEST || !before.emplace(visit.place, visit.before).second)
            continue;
        if (visit.place == to) {
            length = visit.length;
            for (std::string place = to; !place.empty(); place = before[place])
                way.push_back(place);
            std::reverse(way.begin(), way.end());
            return true;
        }
        auto edges = edges_.find(visit.place);
        if (edges == edges_.end())
            continue;
        for (const Edge &edge : edges->second)
            open.push({visit.length + edge.length, edge.to, visit.place});
    }
    return false;
}
