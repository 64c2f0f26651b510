// Stands for the bundle of the function sweep in tests of the template.
