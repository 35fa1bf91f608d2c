print("gori")
