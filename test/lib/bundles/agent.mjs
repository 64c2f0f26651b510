// Stands for the agent's bundle in tests of the template.
