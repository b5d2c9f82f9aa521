#include "store.hh"

#include <iostream>
#include <sstream>
#include <stdexcept>

namespace {
std::vector<std::string> warnings;
}

void Store::read(std::istream &in)
{
    std::string line;
    for (unsigned number = 1; std::getline(in, line); number++) {
        std::istringstream words(line);
        std::string name;
        long count = 0;
        double price = 0;
        if (!(words >> name >> count >> price))
            throw std::runtime_error("line " + std::to_string(number) + " is no item");
        if (items_.count(name) != 0)
            warnings.push_back(name + " is there twice");
        items_[name] = std::make_unique<Counted>(name, count, price);
    }
}

double Store::total() const
{
    double sum = 0;
    for (const auto &[name, item] : items_)
        sum += item->value();
    return sum;
}

void Store::print(std::ostream &out) const
{
    for (const auto &[name, item] : items_)
        out << name << ' ' << item->value() << '\n';
    out << "total " << total() << '\n';
    for (const auto &warning : warnings)
        out << "warning: " << warning << '\n';
}
