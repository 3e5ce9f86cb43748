//! HTTP GET with caps, and a guard on where it may go.
