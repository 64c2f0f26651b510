// Stands for the bundle of the function ended in tests of the template.
