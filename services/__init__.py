"""The five services of Frikort, and the runtime that makes their decisions durable."""
