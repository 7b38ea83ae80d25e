/** The device's disk as a port: every change to the data folder goes through it. */
@NullMarked
package io.skerry.agent.disk;

import org.jspecify.annotations.NullMarked;
