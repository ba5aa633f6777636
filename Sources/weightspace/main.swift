print("weightspace")
