#include "store.hh"

#include <cstring>
#include <iostream>
#include <stdexcept>

int main(int argc, char **argv)
{
    if (argc > 1 && std::strcmp(argv[1], "--version") == 0) {
        about(std::cout);
        return 0;
    }
    try {
        Store store;
        store.read(std::cin);
        store.print(std::cout);
    } catch (const std::exception &error) {
        std::cerr << "store: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
