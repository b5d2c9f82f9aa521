/* A calculator of + - * / % ^ and parentheses, over 64-bit integers. */
#ifndef CALC_H
#define CALC_H
#include <stdbool.h>

enum kind { END, NUMBER, OPERATOR, OPEN, CLOSE, WRONG };

struct token {
    enum kind kind;
    long value; /* the number, or the operator's character */
};

struct lexer {
    const char *text;
    struct token token;
};

void lexer_next(struct lexer *lexer);
bool evaluate(const char *text, long *result, const char **error);
void about(void);
#endif
