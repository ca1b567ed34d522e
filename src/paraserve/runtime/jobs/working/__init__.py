"""Work on jobs: who takes which, attempts, and what a later attempt need not do again."""
