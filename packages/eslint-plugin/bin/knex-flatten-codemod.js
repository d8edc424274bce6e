#!/usr/bin/env node
import '../dist/codemod.js'
