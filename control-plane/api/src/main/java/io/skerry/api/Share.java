package io.skerry.api;

/** How many devices have something in common. */
public record Share(String name, int devices) {}
