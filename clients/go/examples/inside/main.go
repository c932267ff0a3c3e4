// Command inside calls R through the hub whose interpreter it was started in: a Python script, for example, may run
// it. Address and rights come from the interpreter.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	arcuate "arcuate.invalid/go"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	r, err := arcuate.Dial(ctx, "hub:///r")
	if err != nil {
		return err
	}
	defer r.Close()
	q, err := arcuate.Call[[]float64](ctx, r, "quantile", []float64{79, 54, 74, 62, 85, 55, 88},
		arcuate.Named("probs", []float64{0.25, 0.75}), arcuate.Named("names", false))
	if err != nil {
		return err
	}
	fmt.Println("quartiles:", q)
	return nil
}
