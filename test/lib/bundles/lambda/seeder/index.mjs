// Stands for the bundle of the function seeder in tests of the template.
