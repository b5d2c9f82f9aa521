/* Prints its arguments, without a C library. Linux, x86-64. */
#ifndef ABOUT
#define ABOUT "nothing"
#endif
    .globl _start
    .type _start, @function
    .text
_start:
    mov (%rsp), %r12
    lea 8(%rsp), %r13
    cmp $1, %r12
    je tell
next:
    add $8, %r13
    dec %r12
    jz leave
    mov (%r13), %rsi
    call print
    lea newline(%rip), %rsi
    call print
    jmp next
tell:
    lea about(%rip), %rsi
    call print
leave:
    mov $60, %eax
    xor %edi, %edi
    syscall
    .size _start, . - _start

    .type print, @function
print:
    xor %edx, %edx
1:  cmpb $0, (%rsi, %rdx)
    je 2f
    inc %rdx
    jmp 1b
2:  mov $1, %eax
    mov $1, %edi
    syscall
    ret
    .size print, . - print

    .section .rodata
    .type about, @object
about:
    .asciz ABOUT
    .size about, . - about
    .type newline, @object
newline:
    .asciz "\n"
    .size newline, . - newline
    .section .note.GNU-stack, "", @progbits
