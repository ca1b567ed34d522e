"""What is read and written in one transaction, a module a subject. All of it is synchronous and runs on threads."""
