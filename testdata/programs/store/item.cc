#include "store.hh"

#include <stdexcept>

Counted::Counted(std::string name, long count, double price) : Item(std::move(name)), count_(count), price_(price)
{
    if (count < 0)
        throw std::invalid_argument("a negative count of " + this->name());
}

double Counted::value() const
{
    return static_cast<double>(count_) * price_ * (count_ >= 100 ? 0.95 : 1.0);
}
