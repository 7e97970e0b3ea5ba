"""What ``vxloom host check`` looks at, a file for each subject: found by being here, each with a function ``look``."""
