#include "calc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void lexer_next(struct lexer *lexer)
{
    while (isspace((unsigned char)*lexer->text))
        lexer->text++;
    char c = *lexer->text;
    if (c == '\0') {
        lexer->token = (struct token){END, 0};
    } else if (isdigit((unsigned char)c)) {
        char *end;
        lexer->token = (struct token){NUMBER, strtol(lexer->text, &end, 0)};
        lexer->text = end;
    } else {
        lexer->token.kind = c == '(' ? OPEN : c == ')' ? CLOSE : strchr("+-*/%^", c) != NULL ? OPERATOR : WRONG;
        lexer->token.value = c;
        lexer->text++;
    }
}
