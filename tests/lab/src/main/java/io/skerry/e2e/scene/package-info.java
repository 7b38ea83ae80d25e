/**
 * What a fault happens to: a control plane, a device's agent and an application in processes of
 * their own, and a network between them. Start at {@link Lab}.
 */
@NullMarked
package io.skerry.e2e.scene;

import org.jspecify.annotations.NullMarked;
