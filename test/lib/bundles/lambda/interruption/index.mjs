// Stands for the bundle of the function interruption in tests of the template.
