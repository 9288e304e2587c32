from locache import persist


@persist
def my_func(x, num=3):
    print("Hi from foo!")
    return x * num


print(my_func(1))
print(my_func(2, num=2))
print(my_func(1))
