#include <locache.h>
#include <stdio.h>

LOCACHE_PERSIST(int, my_func, (int, x), (int, num))
{
    puts("Hi from foo!");
    return x * num;
}

int main(void)
{
    printf("%d\n", my_func(1, 3));
    printf("%d\n", my_func(2, 2));
    printf("%d\n", my_func(1, 3));
}
