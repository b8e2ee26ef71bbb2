def describe(orders):
    return orders.describe()
