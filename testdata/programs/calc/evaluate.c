#include "calc.h"

#include <assert.h>
#include <stddef.h>

#define DEEPEST 64

struct work {
    struct lexer lexer;
    const char *error;
    int depth;
};

static int binding(long operator)
{
    switch (operator) {
    case '+':
    case '-':
        return 1;
    case '*':
    case '/':
    case '%':
        return 2;
    case '^':
        return 3;
    default:
        return 0;
    }
}

static long power(long base, long exponent)
{
    long result = 1;
    while (exponent-- > 0)
        result *= base;
    return result;
}

static long apply(struct work *work, long operator, long left, long right)
{
    if ((operator == '/' || operator == '%') && right == 0) {
        work->error = "division by zero";
        return 0;
    }
    switch (operator) {
    case '+':
        return left + right;
    case '-':
        return left - right;
    case '*':
        return left * right;
    case '/':
        return left / right;
    case '%':
        return left % right;
    default:
        return power(left, right);
    }
}

static long expression(struct work *work, int least);

static long primary(struct work *work)
{
    struct token token = work->lexer.token;
    assert(work->depth <= DEEPEST + 1);
    lexer_next(&work->lexer);
    if (token.kind == NUMBER)
        return token.value;
    if (token.kind == OPERATOR && token.value == '-')
        return -primary(work);
    if (token.kind != OPEN || work->depth >= DEEPEST) {
        work->error = token.kind == OPEN ? "too deep" : "a number is missing";
        return 0;
    }
    work->depth++;
    long value = expression(work, 1);
    work->depth--;
    if (work->lexer.token.kind != CLOSE)
        work->error = "a parenthesis is not closed";
    lexer_next(&work->lexer);
    return value;
}

static long expression(struct work *work, int least)
{
    long left = primary(work);
    while (work->error == NULL && work->lexer.token.kind == OPERATOR && binding(work->lexer.token.value) >= least) {
        long operator = work->lexer.token.value;
        lexer_next(&work->lexer);
        left = apply(work, operator, left, expression(work, binding(operator) + (operator != '^')));
    }
    return left;
}

bool evaluate(const char *text, long *result, const char **error)
{
    struct work work = {.lexer = {.text = text}};
    lexer_next(&work.lexer);
    *result = expression(&work, 1);
    if (work.error == NULL && work.lexer.token.kind != END)
        work.error = "something is behind the end";
    *error = work.error;
    return work.error == NULL;
}
