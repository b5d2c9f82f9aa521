#include "route.hh"

#include <iostream>

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << about() << "\nusage: route FROM TO <NETWORK\n";
        return 2;
    }
    Network network;
    network.read(std::cin);
    std::vector<std::string> way;
    unsigned length = 0;
    if (!network.shortest(argv[1], argv[2], way, length)) {
        std::cerr << "route: no way from " << argv[1] << " to " << argv[2] << '\n';
        return 1;
    }
    for (const auto &place : way)
        std::cout << place << '\n';
    std::cout << "length " << length << '\n';
    return 0;
}
