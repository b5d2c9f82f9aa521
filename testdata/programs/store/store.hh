// A stock of goods that is read from lines "NAME COUNT PRICE".
#ifndef STORE_HH
#define STORE_HH
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <vector>

class Item {
public:
    explicit Item(std::string name) : name_(std::move(name)) {}
    virtual ~Item() = default;
    virtual double value() const = 0;
    const std::string &name() const { return name_; }

private:
    std::string name_;
};

class Counted : public Item {
public:
    Counted(std::string name, long count, double price);
    double value() const override;

private:
    long count_;
    double price_;
};

class Store {
public:
    void read(std::istream &in);
    double total() const;
    void print(std::ostream &out) const;

private:
    std::map<std::string, std::unique_ptr<Item>> items_;
};

void about(std::ostream &out);
#endif
