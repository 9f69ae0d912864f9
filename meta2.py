# more transformations that must not change an answer
