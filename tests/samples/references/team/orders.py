def clean(orders):
    return orders.dropna()
